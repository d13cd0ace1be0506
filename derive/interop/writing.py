def to_sympy(tensor):
    raise NotImplementedError

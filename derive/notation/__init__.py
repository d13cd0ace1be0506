def text(t):
    from derive.tensor import node as N
    k=type(t).__name__
    if k=="Symbol": return t.name
    if k=="One": return "1"
    if k=="View": return f"V[{t.coefficient};{t.source}->{t.target}]({text(t.operand)})"
    if k=="Contraction": return f"C[{t.labels}->{t.ndim}]({', '.join(map(text,t.operands))})"
    if k=="Map": return f"M[{t.body};{t.labels}]({', '.join(map(text,t.operands))})"
    if k=="Add": return "("+" + ".join(map(text,t.operands))+")"
    return f"{getattr(t,'name',k)}{getattr(t,'attributes','')}({', '.join(map(text,t.operands))})"

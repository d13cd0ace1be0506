"""The examples of the help; tests read them from the help and run them."""

from __future__ import annotations

from rich.markup import escape

EXAMPLES = {
    "gradient": (
        """derive gradient "norm2(A*x - y)^2" --wrt x""",
        """derive gradient "sum(log(exp(-y.*(X*w)) + vector(1)))" --wrt w --check""",
        """derive gradient "x @ S @ x" --let "S: symmetric(n)" --wrt x --emit numpy""",
        """echo "logdet(X)" | derive gradient --steps""",
    ),
    "jacobian": (
        """derive jacobian "A*exp(x)" --wrt x""",
        """derive jacobian "softmax(W*x)" --wrt x --latex""",
    ),
    "hessian": (
        """derive hessian "sum(log(exp(-y.*(X*w)) + vector(1)))" --wrt w""",
        """derive hessian "0.5*x'*A*x" --wrt x --let "A: symmetric(n)" """,
    ),
    "vjp": ("""derive vjp "softmax(x)" --wrt x""",),
    "jvp": ("""derive jvp "inv(X)" --wrt X""",),
    "hvp": ("""derive hvp "norm2(A*x - y)^2" --wrt x --emit jax""",),
    "backprop": (
        """derive backprop "norm2(tanh(W*x) - y)^2/2" --wrt W""",
        """derive backprop "norm2(W*x + p - y)^2/2" --wrt W,p --style delta""",
    ),
    "check": (
        """derive check "norm2(A*x - y)^2" --wrt x""",
        """derive check "norm2(A*x - y)^2" --wrt x --claim "2*A'*(A*x - y)" """,
        """derive check "x'*A*x" --wrt x --of hessian --sizes n=4""",
    ),
    "emit": (
        """derive emit "norm2(A*x - y)^2" --wrt x --name least_squares""",
        """derive emit "logdet(X)" --wrt X --of value,gradient,hessian --emit jax""",
        """derive emit "sum(relu(W*x))" --emit jax --custom-vjp""",
    ),
    "functions": (
        """derive functions""",
        """derive functions norm""",
    ),
}
"""By command, what can be typed; the claim that is wrong ends with 1."""

EXIT_CODES = """\
  0    done
  1    a check or a claim failed
  2    the input was not understood
  70   an error in derive itself
  130  interrupted"""


def epilog(command: str) -> str:
    """Write what stands below the options: examples, and how the command ends."""
    examples = EXAMPLES.get(command) or [lines[0] for lines in EXAMPLES.values()]
    lines = "\n".join(f"  {escape(line.strip())}" for line in examples)
    return f"[bold]Examples[/bold]\n{lines}\n\n[bold]Exit codes[/bold]\n{EXIT_CODES}"

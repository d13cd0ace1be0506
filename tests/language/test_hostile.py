"""Hostile texts are refused, or read, in little time and memory.

Each runs in a process of its own, with a limit on its memory; the time limit is generous, since the
machine may be busy, and far below what reading them without limits takes.
"""

import subprocess
import sys

import pytest

MEMORY = 1 << 30
SECONDS = 60

PROGRAM = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({memory}, {memory}))
import derive
for text in {texts}:
    try:
        shape = derive.parse(text).shape
    except ValueError as error:
        first, line, caret = str(error).split("\\n")
        assert len(first) < 400 and len(line) < 110 and caret.strip("^ ") == "", str(error)[:2000]
        print(type(error).__name__, first[:100])
    else:
        print("read", len(shape))
"""

GROUPS = {
    "brackets": {
        '"(" * 10**6': "ParseError the text has 1,000,000 characters, and at most 40,000 are read",
        '")" * 10**6': "ParseError the text has 1,000,000 characters, and at most 40,000 are read",
        '"(" * 10**6 + "x" + ")" * 10**6': (
            "ParseError the text has 2,000,001 characters, and at most 40,000 are read"
        ),
        '"(" * 3000 + "x" + ")" * 3000': "ParseError brackets are nested more than 60 deep",
        '"[" * 3000': "ParseError brackets are nested more than 60 deep",
        '"(]" * 5000': "ParseError expected ')' to close '(', got ']'",
        '"sin(" * 2000 + "x" + ")" * 2000': "ParseError brackets are nested more than 60 deep",
        '"sin(" * 59 + "x" + ")" * 59': "read 1",
        '"stack([" * 25 + "x" + "])" * 25': "read 26",
        '"(" * 60 + "x" + ")" * 60': "read 1",
    },
    "length": {
        '"*".join(["a"] * 10**6)': (
            "ParseError the text has 1,999,999 characters, and at most 40,000 are read"
        ),
        '"+".join(["x"] * 10**6)': (
            "ParseError the text has 1,999,999 characters, and at most 40,000 are read"
        ),
        '"*".join(["a"] * 9000)': (
            "ParseError the text has more than 4,000 names, numbers and operators"
        ),
        '"-" * 9000 + "x"': "ParseError the text has more than 4,000 names, numbers and operators",
        '"x" * 39000': "read 1",
        '" " * 39000 + "x"': "read 1",
        '"+".join(f"x{k}" for k in range(900))': (
            "ParseError more than 200 names that were not declared"
        ),
        '"kron(" + ",".join(["A"] * 900) + ")"': "ParseError at most 100 items are taken together",
        '"x[" + "None," * 900 + "]"': "ParseError at most 100 items are taken together",
        '"x" + "[None]" * 200': "ParseError a tensor has at most 32 axes",
        '"\'" * 10000': "ParseError the text has more than 4,000 names, numbers and operators",
        '"." * 10000': "ParseError expected a name, a number or '(' at the start; got '...'",
    },
    "numbers": {
        '"9" * 10**6': "ParseError the text has 1,000,000 characters, and at most 40,000 are read",
        '"9" * 30000': "ParseError numbers have at most 100 digits",
        '"1e999999999"': "ParseError numbers have at most 100 digits",
        '"1e-999999999"': "ParseError numbers have at most 100 digits",
        '"9**9**9**9"': "ParseError exponents are at most 4,000",
        '"9^(9^(9^9))"': "ParseError exponents are at most 4,000",
        '"2**4000 * 2**4000 * 2**4000"': "ParseError this is a number of more than 4,096 bits",
        '"x^999999999"': "ParseError exponents are at most 4,000",
        '"a^999999999"': "ParseError exponents are at most 4,000",
        '"((2*a)**1000)**1000"': (
            "ParseError products and powers of powers have a degree of at most 4,000"
        ),
        '"A^999999"': "ParseError exponents are at most 4,000",
        '"power(2*a, 999999)"': "ParseError exponents are at most 4,000",
        '"lanczos(A, x, 10**6)"': "ParseError lanczos: k is at most 100",
        '"eye(10**9)"': "read 2",
        '"ones(10**9, 10**9) @ ones(10**9)"': "read 1",
        '"arange(10**30)"': "read 1",
        '"ones(2**n**n)"': "read 1",
    },
    "names": {
        '"x0" + "".join(f"\\nwhere x{k} = x{k+1} * x{k+1}" for k in range(100))': (
            "ParseError products and powers of powers have a degree of at most 4,000"
        ),
        '"x0" + "".join(f"\\nwhere x{k} = sin(x{k+1})" for k in range(400))': (
            "ParseError functions and powers are nested at most 60 deep"
        ),
        '"**".join(["x"] * 900)': "ParseError functions and powers are nested at most 60 deep",
        '"1/(1+" * 59 + "x" + ")" * 59': "read 1",
        "\"__import__('os').system('false')\"": "ParseError only functions by name are called",
        "\"__import__('os')\"": "ParseError unknown function '__import__'",
        '"().__class__.__bases__"': "ParseError only functions by name are called",
        "\"eval('1')\"": "ParseError unknown function 'eval'",
        '"ones(\\"__import__(\'os\')\\")"': "ParseError ones: shape is not a text",
        "\"eye('9**9**9')\"": "ParseError eye: n is not a text",
        "\"reshape(x, ('9**9**9',))\"": "ParseError reshape: shape is not a text",
        "\"x['9**9**9']\"": "ParseError a text is no index",
        '"einsum(\'" + "i" * 9000 + "\', x)"': "ShapeError einsum(",
        '"x\\0"': "ParseError a character that is not printable (U+0000) has no meaning",
        '"x\\u202ey"': "ParseError a character that is not printable (U+202E) has no meaning",
        '"\\ud800"': "ParseError a character that is not printable (U+D800) has no meaning",
    },
}


@pytest.mark.parametrize("groups", [("brackets", "length"), ("numbers", "names")])
def test_hostile_texts(groups):
    cases = {text: answer for group in groups for text, answer in GROUPS[group].items()}
    program = PROGRAM.format(memory=MEMORY, texts=f"[{', '.join(cases)}]")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for line, expected in zip(done.stdout.splitlines(), cases.values(), strict=True):
        assert line.startswith(expected[:100])


def test_reading_loads_lark_and_importing_does_not():
    program = (
        "import sys, derive; assert 'lark' not in sys.modules; derive.parse('x'); "
        "assert 'lark' in sys.modules and 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=SECONDS)

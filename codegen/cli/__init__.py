"""The command line ``derive``: a formula as text, its derivatives, and code for them.

==============  ==============================================================================
module          what it does
==============  ==============================================================================
app, errors     how arguments reach a command, and how it ends: exit codes, messages
commands        the commands, each with its options
options         the options that commands share
examples        the examples of the help
request         what was asked
session         a request from the first word to the last
reading         the expression, its declarations, and what to differentiate by
answer          what is derived, emitted and checked for a request
sections        the parts of an answer as text
printing        sections on a terminal and in a pipe
document        the JSON of an answer
files           where ``-o`` writes
progress        the stage of long work
functions       what an expression can call
completion      what the shell completes
==============  ==============================================================================
"""

from __future__ import annotations


def main() -> None:
    """Run the command line of this process."""
    from codegen.cli.app import run

    run()

"""``python -m codegen.cli`` is the command ``derive``."""

from codegen.cli import main

if __name__ == "__main__":
    main()

"""`python -m coc.cli` is `coc`."""

from coc.cli import main

if __name__ == "__main__":
    main()

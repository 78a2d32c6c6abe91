"""``python -m tallystick``: the program ``tally``."""

from cli.main import main

if __name__ == "__main__":
    main()

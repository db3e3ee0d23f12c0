"""The command line as ``python -m unitsearch``."""

from unitsearch.cli.main import main

if __name__ == "__main__":
    main()

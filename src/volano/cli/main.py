"""`python -m volano.cli.main`: the command line without the installed script."""

from volano.cli.root import main

if __name__ == "__main__":
    main()

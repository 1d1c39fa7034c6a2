"""`python -m keytwin`: the same as the command `keytwin`."""

from keytwin.cli import main

main()

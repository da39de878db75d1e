"""What several tests share."""

import os

# Read by numpy and torch where they are first imported. The other cores are the neighbours':
# threads that wait for each other on a busy core cost more than they bring.
for _library in ("OMP", "OPENBLAS"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

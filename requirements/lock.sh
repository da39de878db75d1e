#!/bin/sh
# Renews the lock files. Usage: sh requirements/lock.sh path/to/pip-compile
set -e
lock="$1 --quiet --strip-extras --allow-unsafe --no-header --annotation-style=line --no-emit-index-url --no-emit-find-links --no-emit-trusted-host"
$lock pyproject.toml -o requirements/base.txt
$lock pyproject.toml --extra all -c requirements/base.txt -o requirements/all.txt
$lock pyproject.toml --extra all --extra dev -c requirements/all.txt -o requirements/dev.txt
# An extra that names another extra puts the project itself into the lock: out with it.
sed -i '/^volano @/d' requirements/*.txt
# Where torch came as a CPU build its version says so; the plain version fits both.
sed -i 's/^torch==\([0-9.]*\)+cpu/torch==\1/' requirements/*.txt

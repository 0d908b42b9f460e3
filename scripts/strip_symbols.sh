#!/bin/sh
# Removes debug symbols from the compiled modules below a folder: a quarter of the image's environment.
# Libraries that wheels carry beside them are left alone, since their tables have been rewritten.
set -eu
find "$1" -name '*.so' -not -path '*.libs/*' -exec strip --strip-debug {} +
# What libraries test themselves and their extensions with.
rm -rf $(find "$1" -type d \( -path '*/sqlalchemy/testing' -o -path '*/alembic/testing' -o -path '*/greenlet/tests' \))
# Babel knows eight hundred locales, and the pages speak two languages.
find "$1" -path '*/babel/locale-data/*.dat' ! -name 'root.dat' ! -name 'en*.dat' ! -name 'de*.dat' -delete

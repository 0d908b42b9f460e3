#!/bin/sh
# Removes debug symbols from the compiled modules below a folder: a quarter of the image's environment.
# Libraries that wheels carry beside them are left alone, since their tables have been rewritten.
set -eu
find "$1" -name '*.so' -not -path '*.libs/*' -exec strip --strip-debug {} +

#!/bin/sh
# JSON output is unstable, which a stable rustdoc takes with RUSTC_BOOTSTRAP. Set here and not for cargo: it would
# build every dependency anew.
RUSTC_BOOTSTRAP=1 exec rustdoc "$@"

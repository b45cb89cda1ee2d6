#!/bin/sh
# Prints which Python the virtual environment is made with: `python3`, unless that was built without the optimizations
# that its own documentation recommends (pyenv's default) and the system has one of its own, whose packagers build with
# them. On the path of every event they are a tenth (docs/performance.md). `make PYTHON=...` names another.
own=/usr/bin/python3
new='import ensurepip, sys; sys.exit(sys.version_info < (3, 11))'
optimized='import sys, sysconfig; sys.exit("--enable-optimizations" not in (sysconfig.get_config_var("CONFIG_ARGS") or ""))'
if [ "$(command -v python3)" != "$own" ] && ! python3 -c "$optimized" 2>/dev/null && $own -c "$new" 2>/dev/null; then
  echo "$own"
else
  echo python3
fi

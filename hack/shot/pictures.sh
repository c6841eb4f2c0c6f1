#!/bin/bash
# Retakes the pictures in assets: the real program on a real embedded
# cluster, with a state folder of its own. About six minutes.
#
#   hack/shot/pictures.sh [NAME…]     all, or those whose script is NAME.txt
#
# Programs: rsvg-convert. Fonts: DejaVu Sans Mono, Noto Sans Mono CJK.
set -euo pipefail
cd "$(dirname "$0")/../.."
. hack/go.sh

missing=
command -v rsvg-convert >/dev/null || missing+=" librsvg2-bin"
if command -v fc-list >/dev/null; then
  fc-list | grep 'DejaVu Sans Mono' >/dev/null || missing+=" fonts-dejavu-core"
  fc-list | grep 'Noto Sans Mono CJK' >/dev/null || missing+=" fonts-noto-cjk"
else
  missing+=" fontconfig fonts-dejavu-core fonts-noto-cjk"
fi
if [ -n "$missing" ]; then
  echo "The pictures need what is not on this machine. On Debian: apt-get install$missing" >&2
  exit 1
fi

# Unix sockets must fit into the paths beneath.
state=$(mktemp -d /tmp/k8s-shot.XXXXXX)
bin=${K8STUTOR_BIN:-$PWD/bin/k8stutor}
export XDG_STATE_HOME=$state XDG_CONFIG_HOME=$state XDG_CACHE_HOME=$state SHELL=/bin/sh PS1='$ ' LANG=C.UTF-8
trap '"$bin" cluster delete >/dev/null 2>&1 || true; rm -rf "$state"' EXIT
mkdir -p assets "$state/k8stutor"
: >"$state/k8stutor/tour-seen" # the pictures are of somebody who has been here before
go build -o "$state/shot" ./hack/shot

wanted=" $* "
take() { # SCRIPT SIZE LANGUAGE [STEP] [FLAG of shot…]
  local script=$1 size=$2 lang=$3 step=${4:-} run=()
  shift $(($# > 4 ? 4 : $#))
  [ "$wanted" = "  " ] || [[ $wanted = *" $script "* ]] || return 0
  [ -z "$step" ] || run=(start "$step")
  "$state/shot" -size "$size" -script "hack/shot/$script.txt" -title "k8stutor${run:+ ${run[*]}}" "$@" \
    -- "$bin" --cluster embedded --lang "$lang" "${run[@]}"
}

# What a picture shows of the learner's progress comes from those before it.
take deploy    104x32 en    service/deploy
take endpoints 120x40 en    service/endpoints
take rolling   130x44 zh-TW rolling-update/outage
take hpa       132x50 en    hpa/load
take debug     100x34 zh-CN debug/crash -light -cjk SC
take home      110x30 en

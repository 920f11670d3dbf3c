#!/usr/bin/env bash
# From nothing to a report: installs into .venv, packs rendered rooms, trains, evaluates.
# A step whose result is there already is not done again; an interrupted one goes on.
set -euo pipefail
cd "$(dirname "$0")"

names=() seconds=()
step() {
    local name=$1 start=$SECONDS
    shift
    printf '\n\033[1m%s\033[0m\n' "$name"
    "$@"
    names+=("$name") seconds+=($((SECONDS - start)))
}

train() {
    if [ -f runs/rooms/recipe.toml ]; then
        .venv/bin/polymodal-train run rooms_spoken --out runs/rooms --resume
    else
        .venv/bin/polymodal-train run rooms_spoken --out runs/rooms
    fi
}

pack() {
    if [ -f data/rooms/store.json ]; then
        .venv/bin/polymodal-pack info data/rooms
    else
        .venv/bin/polymodal-pack rooms --set recordings=1 --out data/rooms
    fi
}

step "Install into .venv" make --no-print-directory install
step "Render rooms, speak captions, pack" pack
step "Train one space for six modalities" train
step "Evaluate on rooms never seen" .venv/bin/polymodal-evaluate run runs/rooms

printf '\n\033[1mWhere the time went\033[0m\n'
for i in "${!names[@]}"; do
    printf '  %4d s  %s\n' "${seconds[$i]}" "${names[$i]}"
done
printf '  %4d s  in all\n\nOpen the report: %s\n' "$SECONDS" "$PWD/runs/rooms/report.html"

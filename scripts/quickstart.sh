#!/usr/bin/env bash
# From nothing to a comparison: set-up, sample photographs, conversion, training at two fidelities.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/environment.sh

usage() {
    cat <<'TEXT'
Usage: bash scripts/quickstart.sh

Takes less than 10 minutes on 2 cores, including downloads; uses a GPU if there is one.
Environment variables:
  PCR_OUT=quickstart_out   where images, dataset, runs and plots go; the next quickstart replaces them
  PCR_SCANS="10 2"         the numbers of levels to train with, 1 … 10
  PCR_EPOCHS, PCR_IMAGE_SIZE, PCR_BATCH_SIZE, PCR_TRAIN_IMAGES, PCR_VAL_IMAGES   how much to train
TEXT
}

case "${1:-}" in
    "") ;;
    -h | --help) usage && exit ;;
    *) usage >&2 && exit 2 ;;
esac

step() { printf '\n== %s (%d s so far)\n' "$*" "$SECONDS"; }

step "Set-up"
bash install_python_deps.sh
bash init_repo.sh
select_python

out=${PCR_OUT:-quickstart_out}
read -ra scans <<<"${PCR_SCANS:-10 2}"
if "$PYTHON" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
    image_size=160 epochs=15 train_images=2400 val_images=600
else
    image_size=64 epochs=5 train_images=1200 val_images=320
fi

step "Sample photographs"
"$PYTHON" scripts/make_sample_dataset.py "$out/images" --force \
    --train "${PCR_TRAIN_IMAGES:-$train_images}" --val "${PCR_VAL_IMAGES:-$val_images}"

step "Conversion to Progressive Compressed Records"
"$PYTHON" PCR_Converter.py "$out/images/train" "$out/pcr" --batch_size 256 --seed 0 --force

csvs=() labels=()
for n_scans in "${scans[@]}"; do
    step "ResNet18 from scratch with $n_scans of 10 levels"
    run="$out/run_${n_scans}"
    rm -rf "$run" # an earlier quickstart's
    "$PYTHON" dali_main.py -a resnet18 --n_scans "$n_scans" \
        --image_size "${PCR_IMAGE_SIZE:-$image_size}" --epochs "${PCR_EPOCHS:-$epochs}" \
        -b "${PCR_BATCH_SIZE:-32}" --lr 0.05 --seed 0 -j "$(getconf _NPROCESSORS_ONLN)" \
        --output_dir "$run" "$out/pcr" "$out/images/val"
    csvs+=("$run/train_data_0.csv")
    labels+=("$n_scans scans")
done

step "Comparison"
"$PYTHON" scripts/plot_metrics.py "${csvs[@]}" --labels "${labels[@]}" --out "$out/plots"
echo "Done after $SECONDS s. Next: your own photographs, see README.md."

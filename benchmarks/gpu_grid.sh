#!/usr/bin/env bash
# Grids of ranks that share one GPU train small models, one of them with experts, to the losses of one rank: benchmarks/gpu_grid.sh BUNDLE SHARDS [GRID ...]
#
# BUNDLE is the unpacked jobs/target/sparktron-gpu.tar.gz; SHARDS were prepared where Spark is:
#   bin/sparktron prepare --model examples/models/qwen3-tiny --dataset examples/data/wordnet-sft.jsonl#400 --max_length 256 --packing true --output_dir SHARDS
# Prints a table; ends with 1 when a grid fails or its losses differ. GRIDs: see below; all when none is named. ENGINE=nd4j tries the script without a GPU,
# PER_GPU=1 gives each rank a GPU of its own.
set -euo pipefail
[[ $# -ge 2 ]] || { sed -n '2,8s/^# \?//p' "$0"; exit 2; }
project=$(cd "$(dirname "$0")/.." && pwd)
bundle=$(cd "$1" && pwd) shards=$(cd "$2" && pwd); shift 2
wanted=("$@")
source "$project/benchmarks/gpu_libraries.sh"
work=${WORK:-$(mktemp -d)}
steps=${STEPS:-10} seconds=${SECONDS_PER_GRID:-100} engine=${ENGINE:-cuda}
shared=true; [[ -z ${PER_GPU:-} ]] || shared=false
failed=0

model=$project/examples/models/qwen3-tiny
# grid NAME RANKS TYPE OPTIONS...: trains $model; losses go to $work/NAME.losses
grid() {
  local name=$1 ranks=$2 type=$3; shift 3
  local run=$work/$name
  rm -rf "$run"; mkdir -p "$run"
  # Rows of 256 tokens: eight a step, one at a time, so that pipelines have something to fill with.
  timeout "$seconds" "$bundle/sparktron" sft --model "$model" --tokenizer "$project/examples/tokenizer" --perform_initialization true --torch_dtype "$type" --cached_dataset "$shards" \
    --max_length 256 --packing true --micro_batch_size 1 --global_batch_size 8 --train_iters "$steps" --lr 3e-3 --lr_warmup_fraction 0 --log_interval 1 \
    --eval_iters 0 --engine "$engine" --num_ranks "$ranks" --shared_gpu "$shared" --collective_timeout 60 --save "$run" --add_version false --save_safetensors false \
    --no_save_optim true "$@" > "$work/$name.log" 2>&1 || return 1
  sed -n 's/.*"loss":\([-0-9.eE]*\).*/\1/p' "$run/logging.jsonl" > "$work/$name.losses"
  [[ $(wc -l < "$work/$name.losses") -ge $steps ]]
}

# Largest difference of the losses of two runs.
difference() {
  paste "$work/$1.losses" "$work/$2.losses" | awk '{ d = $1 - $2; d = d < 0 ? -d : d; if (NF != 2 || d != d) d = 1e9; if (d > most) most = d } END { printf "%.1e", most }'
}

# row NAME RANKS TYPE TOLERANCE BASE OPTIONS...: a grid, compared with BASE; - compares with nothing
row() {
  local name=$1 ranks=$2 type=$3 tolerance=$4 base=$5; shift 5
  [[ ${#wanted[@]} -eq 0 || $base == - || " ${wanted[*]} " == *" $name "* ]] || return 0
  local began=$SECONDS apart=- verdict=same
  if ! grid "$name" "$ranks" "$type" "$@"; then
    verdict="FAILED, see $work/$name.log"; failed=1
    { echo "== $name"; tail -n "${LINES_OF_FAILURE:-12}" "$work/$name.log"; } >&2
  elif [[ $base != - ]]; then
    apart=$(difference "$name" "$base")
    awk "BEGIN { exit !($apart <= $tolerance) }" || { verdict=DIFFERENT; failed=1; }
  else
    verdict=base
  fi
  printf '| %-22s | %s | %-8s | %8s | %8s | %8s | %s | %3d s |\n' "$name" "$ranks" "$type" "$(tail -n 1 "$work/$name.losses" 2>/dev/null || echo -)" "$apart" "$tolerance" "$verdict" $((SECONDS - began))
}

echo "| grid                   | ranks | type | last loss | largest difference | allowed | losses | time |"
echo "|---|---|---|---|---|---|---|---|"
# Sums in another order, and AdamW makes much of small gradients in its first steps.
near=${FLOAT_TOLERANCE:-1e-4} nearer=${HALF_TOLERANCE:-5e-2}
overlap="--use_distributed_optimizer true --overlap_grad_reduce true --overlap_param_gather true --ddp_bucket_size 200000"
row one 1 float32 - -
row tp2 2 float32 "$near" one --tensor_model_parallel_size 2
row tp2-sp 2 float32 "$near" one --tensor_model_parallel_size 2 --sequence_parallel true
row pp2 2 float32 "$near" one --pipeline_model_parallel_size 2
row pp2-interleaved 2 float32 "$near" one --pipeline_model_parallel_size 2 --virtual_pipeline_model_parallel_size 2
row cp2-ring 2 float32 "$near" one --context_parallel_size 2
row cp2-heads 2 float32 "$near" one --context_parallel_size 2 --cp_comm_type a2a
# shellcheck disable=SC2086
row dp2-overlapped 2 float32 "$near" one $overlap
row dp2-sharded 2 float32 "$near" one --use_megatron_fsdp true
row dp2-sharded-overlapped 2 float32 "$near" one --use_megatron_fsdp true --overlap_grad_reduce true --overlap_param_gather true
row tp2-sp-pp2 4 float32 "$near" one --tensor_model_parallel_size 2 --sequence_parallel true --pipeline_model_parallel_size 2
# shellcheck disable=SC2086
row tp2-sp-dp2 4 float32 "$near" one --tensor_model_parallel_size 2 --sequence_parallel true $overlap
row cp2-pp2 4 float32 "$near" one --context_parallel_size 2 --pipeline_model_parallel_size 2
row one-bf16 1 bfloat16 - -
row tp2-sp-pp2-bf16 4 bfloat16 "$nearer" one-bf16 --tensor_model_parallel_size 2 --sequence_parallel true --pipeline_model_parallel_size 2
# shellcheck disable=SC2086
row cp2-dp2-bf16 4 bfloat16 "$nearer" one-bf16 --context_parallel_size 2 $overlap
model=$project/benchmarks/models/qwen3-moe-tiny
row experts 1 float32 - -
row experts-ep2 2 float32 "$near" experts --expert_model_parallel_size 2
row experts-ep2-tp2-sp 2 float32 "$near" experts --expert_model_parallel_size 2 --tensor_model_parallel_size 2 --sequence_parallel true
row experts-ep2-pp2 4 float32 "$near" experts --expert_model_parallel_size 2 --pipeline_model_parallel_size 2
# shellcheck disable=SC2086
row experts-ep2-cp2 4 float32 "$near" experts --expert_model_parallel_size 2 --context_parallel_size 2 $overlap
exit $failed

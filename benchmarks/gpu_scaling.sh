#!/usr/bin/env bash
# Several GPUs of one host in one call of some minutes: benchmarks/gpu_scaling.sh BUNDLE SMALL_SHARDS LARGE_SHARDS [GPUS]
#   1. NCCL's contract over these GPUs        2. a small model on grids with a GPU a rank, its losses against one GPU's
#   3. tokens per second and GPU of full training, of a model of Qwen2.5-7B's shape and of four layers of Qwen3-30B-A3B (128 experts), each against one GPU, with
#      PyTorch's FSDP2 beside it; with LONG_SHARDS, of single documents of 32,768 tokens on context parallel ranks
#   4. one trainer is killed: how long until the others have stopped
#
# BUNDLE and SMALL_SHARDS are those of gpu_grid.sh. LARGE_SHARDS hold documents of 4,096 tokens, prepared where Spark is:
#   benchmarks/long_rows FILE && bin/sparktron prepare --model benchmarks/models/qwen2.5-7b --tokenizer examples/tokenizer \
#     --dataset FILE --max_length 4096 --truncation_strategy right --output_dir LARGE_SHARDS
# LONG_SHARDS, in the environment: benchmarks/long_rows FILE 4 200000, prepared with --model benchmarks/models/qwen2.5-1.5b --max_length 32768.
# What does not fit BUDGET seconds (480) is left out and said. PARTS="nccl grids training peer kill" picks some, ONLY="one sharded2 ..." some rows of training.
set -euo pipefail
[[ $# -ge 3 ]] || { sed -n '2,14s/^# \?//p' "$0"; exit 2; }
project=$(cd "$(dirname "$0")/.." && pwd)
bundle=$(cd "$1" && pwd) small=$(cd "$2" && pwd) large=$(cd "$3" && pwd) gpus=${4:-2}
source "$project/benchmarks/gpu_libraries.sh"
work=${WORK:-$(mktemp -d)}
budget=${BUDGET:-480} parts=${PARTS:-nccl grids training peer kill} engine=${ENGINE:-cuda}
dense=${MODEL:-$project/benchmarks/models/qwen2.5-7b} experts=${EXPERTS:-$project/benchmarks/models/qwen3-30b-a3b-4l} length=${LENGTH:-4096} rows=${ROWS:-8} warm=2 steps=${STEPS:-4}
export NCCL_NVLS_ENABLE=0 NCCL_SOCKET_IFNAME=${NCCL_SOCKET_IFNAME:-lo}
failed=0
mkdir -p "$work"

left() { echo $((budget - SECONDS)); }
# wanted PART SECONDS: whether a part was asked for and so much time is left
wanted() {
  [[ " $parts " == *" $1 "* ]] || return 1
  [[ $(left) -ge $2 ]] || { echo "left out: $1, $(left) s left of $budget"; return 1; }
}

# The trainers and the process that started them, as one group, so that they can be ended together.
start() { # NAME RANKS OPTIONS...: sets $group and $run
  local name=$1 ranks=$2; shift 2
  run=$work/$name; rm -rf "$run"; mkdir -p "$run"
  setsid "$bundle/sparktron" sft --perform_initialization true --engine "$engine" --num_ranks "$ranks" --micro_batch_size "${at_once:-1}" --global_batch_size "$rows" \
    --lr 1e-5 --lr_warmup_fraction 0 --log_interval 1 --eval_iters 0 --save "$run" --add_version false --save_safetensors false --no_save_optim true "$@" \
    > "$work/$name.log" 2>&1 &
  group=$!
}
end() { kill -9 -- "-$group" 2>/dev/null || true; wait "$group" 2>/dev/null || true; }
lines() { if [[ -f $run/logging.jsonl ]]; then wc -l < "$run/logging.jsonl"; else echo 0; fi; }
# await LINES SECONDS: until so many steps are logged
await() {
  local until=$((SECONDS + $2))
  while [[ $(lines) -lt $1 ]]; do
    kill -0 "$group" 2>/dev/null && [[ $SECONDS -lt $until ]] || return 1
    sleep 0.2
  done
}
# Median of a figure over the steps after the first ones.
median() { tail -n +$((warm + 1)) "$run/logging.jsonl" | sed -n "s/.*\"$1\":\([-0-9.eE]*\).*/\1/p" | sort -g | awk '{ v[NR] = $1 } END { print NR ? v[int((NR + 1) / 2)] : 0 }'; }

# training NAME RANKS OPTIONS...: a row of the table, of $model; the first of a model is what its others are held to
training() {
  local name=$1 ranks=$2; shift 2
  [[ -z ${ONLY:-} || " $ONLY " == *" $name "* ]] || return 0
  wanted training 45 || return 0
  start "$name" "$ranks" --model "$model" --tokenizer "$project/examples/tokenizer" --torch_dtype bfloat16 --cached_dataset "$large" \
    --max_length "$length" --train_iters $((warm + steps + 2)) --use_precision_aware_optimizer true --exp_avg_dtype bf16 --exp_avg_sq_dtype bf16 "$@"
  # The last save is not waited for: it is no part of a step.
  if await $((warm + steps)) "$(left)"; then
    local speed seconds memory
    speed=$(median tokens_per_second_per_gpu) seconds=$(median elapsed_time_per_iteration) memory=$(median 'memory(GiB)')
    [[ $one != 0 ]] || one=$speed
    # Time beyond an ideal share of one GPU's work: communication that nothing hides, and the pipeline's bubble.
    awk -v n="$name" -v r="$ranks" -v v="$speed" -v s="$seconds" -v m="$memory" -v o="$one" -v l="$(tail -n 1 "$run/logging.jsonl" | sed 's/.*"loss":\([-0-9.]*\).*/\1/')" \
      'BEGIN { printf "| %-16s | %d | %8.0f | %.3f | %5.1f %% | %.3f s (%4.1f %%) | %.1f | %s |\n", n, r, v, s, 100 * v / o, s * (1 - v / o), 100 * (1 - v / o), m, l }'
  else
    failed=1; echo "| $name | $ranks | FAILED |"; tail -n 15 "$work/$name.log" >&2
  fi
  end
}

if wanted nccl 180; then
  # A test starts processes of its own and mostly waits for them: two at a time.
  together="-Djunit.jupiter.execution.parallel.enabled=true -Djunit.jupiter.execution.parallel.mode.default=concurrent \
    -Djunit.jupiter.execution.parallel.config.strategy=fixed -Djunit.jupiter.execution.parallel.config.fixed.parallelism=2 \
    -Djunit.jupiter.execution.parallel.config.fixed.max-pool-size=2"
  # What runs for too long shows its threads before it is ended.
  if JDK_JAVA_OPTIONS="-Dsparktron.test.gpus=$gpus $together" timeout -s QUIT -k 5 180 "$bundle/sparktron" test ai.sparktron.trainer.comm.NcclWorldTest > "$work/nccl.log" 2>&1; then
    echo "NCCL's contract on $gpus GPUs: $(grep -c ':: SUCCESSFUL' "$work/nccl.log") tests pass, ${SECONDS} s"
  else
    failed=1; echo "NCCL's contract on $gpus GPUs: FAILED or more than 180 s, $(grep -c ':: SUCCESSFUL' "$work/nccl.log" || true) tests passed, see $work/nccl.log"
    grep -a ':: FAILED' "$work/nccl.log" | head -10 || true
  fi
fi
if wanted grids 60; then
  PER_GPU=1 WORK=$work/grids timeout "$(left)" "$project/benchmarks/gpu_grid.sh" "$bundle" "$small" tp2-sp pp2 cp2-ring dp2-overlapped dp2-sharded-overlapped experts-ep2 experts-ep2-tp2-sp || failed=1
fi
if [[ " $parts " == *" training "* ]]; then
  echo "| training | GPUs | tokens/s and GPU | s a step | of one GPU's | beyond an ideal share | arenas GiB | loss |"
  echo "|---|---|---|---|---|---|---|---|"
  overlapped="--use_distributed_optimizer true --overlap_grad_reduce true --overlap_param_gather true"
  model=$dense one=0
  training one 1
  at_once=2 training one-two-rows 1
  # shellcheck disable=SC2086
  training "dp$gpus-overlapped" "$gpus" $overlapped
  # shellcheck disable=SC2086
  training "sharded$gpus" "$gpus" --use_megatron_fsdp true $overlapped
  training "sharded-plain$gpus" "$gpus" --use_megatron_fsdp true
  # What a share of the model leaves free holds a second row, and values and gradients go round half as often.
  # shellcheck disable=SC2086
  at_once=2 training "sharded$gpus-two-rows" "$gpus" --use_megatron_fsdp true $overlapped
  training "tp$gpus-sp" "$gpus" --tensor_model_parallel_size "$gpus" --sequence_parallel true
  training "pp$gpus-interleaved" "$gpus" --pipeline_model_parallel_size "$gpus" --virtual_pipeline_model_parallel_size 2
  model=$experts one=0
  training experts-one 1
  # shellcheck disable=SC2086
  training "experts-ep$gpus" "$gpus" --expert_model_parallel_size "$gpus" $overlapped
  # shellcheck disable=SC2086
  training "experts-dp$gpus" "$gpus" $overlapped
  if [[ -n ${LONG_SHARDS:-} ]]; then
    long=$(cd "$LONG_SHARDS" && pwd)
    model=$project/benchmarks/models/qwen2.5-1.5b one=0
    large=$long length=32768 rows=1 training long-one 1
    for exchange in p2p all_gather a2a; do
      large=$long length=32768 rows=1 training "long-cp$gpus-$exchange" "$gpus" --context_parallel_size "$gpus" --cp_comm_type "$exchange"
    done
  fi
fi
for model in $dense $experts; do
  wanted peer 60 || continue
  timeout "$(left)" torchrun --standalone --nproc_per_node "$gpus" "$project/benchmarks/peer/fsdp_torch.py" "$(basename "$model")" "$length" "$rows" "$steps" 2> "$work/peer.log" \
    | grep -a '^{' || { failed=1; echo "the peer failed or ran out of time:"; tail -n 5 "$work/peer.log"; }
done
if wanted kill 30; then
  start killed "$gpus" --model "$project/examples/models/qwen3-tiny" --torch_dtype float32 --cached_dataset "$small" --max_length 256 --packing true --train_iters 100000
  if await 3 60; then
    trainers=$(pgrep -g "$group" -f HostRank | sort -n)
    victim=$(tail -n 1 <<< "$trainers")
    began=$(date +%s%N)
    kill -9 "$victim"
    while pgrep -g "$group" -f 'HostRank|cli.Main' > /dev/null && [[ $(( ($(date +%s%N) - began) / 1000000000 )) -lt 60 ]]; do sleep 0.05; done
    took=$(( ($(date +%s%N) - began) / 1000000 ))
    echo "one of $(wc -w <<< "$trainers") trainers killed: all others stopped after $((took / 1000)).$(printf %03d $((took % 1000))) s: $(tail -n 1 "$work/killed.log")"
    [[ $took -lt 20000 ]] || failed=1
  else
    failed=1; echo "the run to be killed did not begin:"; tail -n 10 "$work/killed.log"
  fi
  end
fi
echo "$SECONDS s in all; logs in $work"
exit $failed

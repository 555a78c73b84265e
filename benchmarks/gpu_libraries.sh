# To be sourced: CUDA's libraries from beside PyTorch where LD_LIBRARY_PATH names none; the newer cuDNN goes before the system's.
if [[ -z ${LD_LIBRARY_PATH:-} ]] && nvidia=$(python3 -c 'import nvidia; print(list(nvidia.__path__)[0])' 2>/dev/null); then
  export LD_LIBRARY_PATH=$nvidia/cudnn/lib:$(find "$nvidia" -maxdepth 2 -name lib -printf '%p:')/usr/local/cuda/lib64
fi

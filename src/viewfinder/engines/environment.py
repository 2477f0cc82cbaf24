"""Which of our environment's variables an engine gets; called by the engines, and by `fleet/process/life` for
what a third party's engine has copied.

A list of what is let through: our environment has keys of this service, of hubs and of clouds, and an engine
reads what strangers send. What it is started with beyond this, it must set itself or state as `variables`.
"""

import os
from collections.abc import Mapping

_NAMES = """
    PATH HOME USER LOGNAME TMPDIR TEMP TMP TZ LANG LANGUAGE
    PYTHONHOME PYTHONPATH PYTHONUTF8 PYTHONIOENCODING PYTHONDONTWRITEBYTECODE PYTHONHASHSEED PYTHONMALLOC
    VIRTUAL_ENV CONDA_PREFIX XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME XDG_RUNTIME_DIR
    SSL_CERT_FILE SSL_CERT_DIR CC CXX CPATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH LIBRARY_PATH
    SDKROOT DEVELOPER_DIR MACOSX_DEPLOYMENT_TARGET GLIBC_TUNABLES __CF_USER_TEXT_ENCODING
"""
NAMES = frozenset(_NAMES.split())
PREFIXES = (
    *("LC_", "LD_", "DYLD_", "MALLOC_"),
    *("CUDA_", "NVIDIA_", "CUDNN_", "CUBLAS_", "NCCL_", "TORCH_", "PYTORCH_", "TORCHINDUCTOR_", "TRITON_"),
    *("HIP_", "ROCR_", "ROCM_", "HSA_", "GPU_", "AMD_", "MIOPEN_", "ONEAPI_", "SYCL_", "ZE_", "VK_"),
    *("METAL_", "MTL_", "MLX_", "GGML_", "LLAMA_", "HF_", "HUGGINGFACE_", "TRANSFORMERS_", "ACCELERATE_"),
    *("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "BLIS_", "VECLIB_", "NUMEXPR_"),
)
"""Of processors, graphics, libraries and locales. No proxies: engines load from this disk alone."""
SECRETS = ("KEY", "TOKEN", "SECRET", "PASSW", "CREDENTIAL")
"""No variable with one of these in its name is let through, whatever it begins with."""
OUR_PREFIX = "VIEWFINDER_"


def inherited(without: tuple[str, ...] = ()) -> dict[str, str]:
    """The variables of our environment that an engine may have, without those that begin with `without`."""
    return {
        name: value for name, value in os.environ.items() if may_pass(name) and not name.startswith(without)
    }


def passed_on(given: Mapping[str, str], more: tuple[str, ...] = ()) -> dict[str, str]:
    """An engine's environment, without what was copied from ours and may not pass.

    `more` are the names and beginnings ("MINE_") of variables that this engine takes from ours, too.
    """
    ours = os.environ
    return {name: value for name, value in given.items() if ours.get(name) != value or may_pass(name, more)}


def may_pass(name: str, more: tuple[str, ...] = ()) -> bool:
    """Whether a variable of our environment may pass to an engine."""
    if name in more:
        return not name.startswith(OUR_PREFIX)
    if name.startswith(OUR_PREFIX) or any(secret in name.upper() for secret in SECRETS):
        return False
    beginnings = tuple(one for one in more if one.endswith("_"))
    return name in NAMES or name.startswith((*PREFIXES, *beginnings))

"""accelerate: the config file of a machine, for `accelerate launch --config_file FILE --no_python mova train PHASE`."""

import yaml

from mova_core.training.launch.spec import PORT, LaunchSpec


def accelerate_config(spec: LaunchSpec) -> str:
    """The config; of several machines each is given its own `--machine_rank` and the first one's address."""
    several = spec.processes > 1
    config = {
        "compute_environment": "LOCAL_MACHINE",
        # On processors too: accelerate's MULTI_CPU asks for MPI, this one starts torchrun, and training finds no GPU.
        "distributed_type": "MULTI_GPU" if several else "NO",
        "num_machines": spec.nodes,
        "num_processes": spec.processes,
        "machine_rank": 0,
        "main_process_port": PORT,
        "mixed_precision": "no",  # precision is the params' own
        "use_cpu": not spec.gpus and not several,
        "debug": False,
    }
    if spec.nodes > 1:
        config |= {"rdzv_backend": "c10d", "same_network": True, "main_process_ip": "node-0"}
    return yaml.safe_dump(config, sort_keys=False)

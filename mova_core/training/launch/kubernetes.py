"""Kubernetes: an indexed Job, a pod a node, and a headless Service by whose name the pods find the first one."""

from mova_core.training.launch.spec import ENVIRONMENT, PORT, Job, LaunchSpec, met_at, torchrun
from mova_core.training.launch.templates import render


def kubernetes_job(spec: LaunchSpec) -> Job:
    """The manifest, in the place of an earlier job of that name; followed by the log of the first pod.

    The volume claim `mova-project` holds the project, mounted where it lies here.
    """
    command = torchrun(spec, *met_at(f"{spec.name}-0.{spec.name}", PORT, spec.name))
    manifest = render("kubernetes.yaml", spec=spec, command=command, port=PORT, environment=ENVIRONMENT)
    first = f"--selector=batch.kubernetes.io/job-name={spec.name},batch.kubernetes.io/job-completion-index=0"
    run = (
        ("kubectl", "delete", "--ignore-not-found", "--filename=-"),
        ("kubectl", "apply", "--filename=-"),
        ("kubectl", "wait", "--for=create", "--timeout=1h", "pod", first),
        ("kubectl", "wait", "--for=condition=Ready", "--timeout=24h", "pod", first),
        ("kubectl", "logs", "--follow", "--tail=-1", first),
        ("kubectl", "wait", "--for=condition=Complete", "--timeout=10m", f"job/{spec.name}"),
    )
    return Job(manifest, run, ("kubectl", "delete", f"job/{spec.name}", f"service/{spec.name}"))

"""Prepares a dataset from Kubeflow Pipelines: compile this file, upload what it writes.

    python kubeflow_pipeline.py        # writes kubeflow_pipeline.yaml

The folder of volano lies on a volume, since it is the state. A pod that fails with
the exit code of the command fails its task, with the same meaning as in a shell.
"""

from kfp import compiler, dsl, kubernetes

IMAGE = "python:3.12-slim"
VOLUME = "volano-home"
COMMAND = """
pip install --quiet 'volano[data]'
cd /srv/volano
volano --home /srv/volano data prepare recipe.yaml --wait --json
"""


@dsl.container_component
def prepare() -> dsl.ContainerSpec:
    """Run the one command."""
    return dsl.ContainerSpec(image=IMAGE, command=["sh", "-ec", COMMAND])


@dsl.pipeline(name="volano-prepare")
def pipeline() -> None:
    """One task; put what trains or evaluates behind it with `.after(task)`."""
    task = prepare()
    task.set_caching_options(enable_caching=False)
    task.set_retry(num_retries=2, backoff_duration="300s")
    kubernetes.mount_pvc(task, pvc_name=VOLUME, mount_path="/srv/volano")


if __name__ == "__main__":
    compiler.Compiler().compile(pipeline, __file__.replace(".py", ".yaml"))

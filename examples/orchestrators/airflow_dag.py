"""Prepares a dataset each night from Airflow: the same command as anywhere else.

Airflow says when, volano does the work. The task fails where the command does:
exit code 1 (the Run failed), 2 (the command is wrong) or 3 (a gate said no).
3 is not tried again: the rows will be no better in five minutes.
"""

from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

COMMAND = """
set +e
volano --home "$VOLANO_HOME" data prepare recipe.yaml --wait --json
code=$?
[ "$code" -eq 3 ] && exit 99
exit "$code"
"""

with DAG(
    dag_id="volano_prepare",
    schedule="0 3 * * *",
    start_date=datetime(2026, 1, 1),  # noqa: DTZ001 - Airflow takes it in the DAG's zone
    catchup=False,
    max_active_runs=1,
) as dag:
    prepare = BashOperator(
        task_id="prepare",
        bash_command=COMMAND,
        cwd="{{ var.value.get('volano_recipes', '/srv/volano') }}",
        env={"VOLANO_HOME": "{{ var.value.get('volano_home', '/srv/volano') }}"},
        append_env=True,
        retries=2,
        retry_delay=timedelta(minutes=5),
        skip_on_exit_code=99,
        do_xcom_push=True,  # the last line of the JSON; the whole of it is in the log
    )

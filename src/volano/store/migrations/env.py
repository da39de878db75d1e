"""Alembic's entry: it runs the steps on the connection that `upgrade` hands over."""

from alembic import context

from volano.store.metadata import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()

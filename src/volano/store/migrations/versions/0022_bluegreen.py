"""How long what a rollout replaced is still kept hot."""

from alembic import op
from sqlalchemy import BigInteger, Column

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("rollouts", Column("keep_left_us", BigInteger))

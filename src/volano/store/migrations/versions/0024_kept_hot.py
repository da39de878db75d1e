"""How long what a rollout replaced is still kept hot."""

from alembic import op
from sqlalchemy import BigInteger, Column

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.add_column("rollouts", Column("keep_left_us", BigInteger))

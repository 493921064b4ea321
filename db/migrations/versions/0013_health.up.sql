-- 0013 health: lets the server compare its revision with the database's. Run by the administrator.
set local lock_timeout = '3s';
grant select on table public.alembic_version to zava_service;
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)
-- sources end
reset role;

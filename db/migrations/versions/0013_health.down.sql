-- 0013 health, undone.
set local lock_timeout = '3s';
revoke select on table public.alembic_version from zava_service;
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)
-- sources end
reset role;

-- 0017 content, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)
-- sources end

drop type api.content;
reset role;

-- 0045 is live model, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

DROP FUNCTION api._is_live_model(text);

-- sources end
reset role;

-- 0006 house rules, undone.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

drop function zava.house_rules(name[]);

-- sources end
reset role;

-- 0045 is live model.
set local lock_timeout = '3s';
set local role zava_owner;

-- sources begin (written by scripts/freeze up to the end mark)

-- source: db/functions/search/_is_live_model.sql
-- api._is_live_model(): whether search uses a model. Not a tool. Asked in the statement that searches, by
-- whoever gives it a vector: the model may have changed since that was made.
create or replace function api._is_live_model(
    p_model text
)
returns boolean
language sql
stable
parallel safe
security invoker
begin atomic
    select exists (
        select from retail.embedding_models as m where m.name = p_model and m.state = 'live'
    );
end;

comment on function api._is_live_model(text) is
    'Whether search uses a model.

p_model: name of the model';
revoke execute on function api._is_live_model(text) from public;
grant execute on function api._is_live_model(text) to store_manager, regional_manager, head_office;

-- sources end
reset role;

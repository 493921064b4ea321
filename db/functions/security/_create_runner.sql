-- zava._create_runner(): makes the runner, one function for each class role, or makes it anew.
-- A function of the runner runs the text of an agent where no superuser hardened the database. It is
-- SECURITY DEFINER and belongs to the class role: inside, PostgreSQL itself refuses to change the
-- role, however deep in a string the text tries; STABLE refuses every statement but SELECT. The text
-- is what the session has had described before: one SELECT, with the columns of the caller's list.
-- Never a cursor: its rows would be made after the return, with the caller's rights. A function that
-- has another owner runs nothing: pg_restore leaves it to whoever restores, unless that is a superuser,
-- and that role may see all stores.
-- SECURITY INVOKER: needs a superuser, or the owner's member that may become the class roles.
create or replace function zava._create_runner()
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $function$
declare
    v_class name;
    v_function text;
begin
    foreach v_class in array array[
        zava._class_role('store'), zava._class_role('region'), zava._class_role('head')
    ]
    loop
        v_function := format('zava_run.%I(text)', v_class);
        execute format('drop function if exists %s', v_function);
        execute format(
            $create$
            create function zava_run.%I(p_query text)
            returns setof record
            language plpgsql
            stable
            parallel unsafe
            security definer
            set search_path = retail, public, pg_temp
            as $body$
            begin
                if current_user <> %L then
                    raise exception 'the runner does not belong to its class role'
                        using errcode = 'object_not_in_prerequisite_state',
                              hint = 'As the administrator: select zava._create_runner();';
                end if;
                return query execute p_query;
            end;
            $body$
            $create$,
            v_class, v_class
        );
        execute format(
            'comment on function %s is %L', v_function,
            format('Rows of a query, read as %s.', v_class) || e'\n\np_query: one SELECT'
        );
        execute format('revoke execute on function %s from public', v_function);
        execute format('grant execute on function %s to zava_runner', v_function);
        execute format('grant create on schema zava_run to %I', v_class);
        execute format('alter function %s owner to %I', v_function, v_class);
        execute format('revoke create on schema zava_run from %I', v_class);
    end loop;
end;
$function$;

comment on function zava._create_runner() is
    'Makes the functions of the runner, one for each class role, which owns it.';
revoke execute on function zava._create_runner() from public;

-- warning: The service login leads to a replica: no call is recorded, and revocations are noticed late.
-- over: service
select
    session_user::text as object,
    'in recovery' as evidence,
    'Let ZAVA_SERVICE_URL lead to the primary: name both hosts, and target_session_attrs=read-write.'
        as remedy
where pg_is_in_recovery()

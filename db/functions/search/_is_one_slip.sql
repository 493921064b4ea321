-- api._is_one_slip(): whether a word is another one with a letter too many, too few or wrong, or with two
-- neighbours in each other's place: what most typing errors are. Not a tool. Words that differ in one place
-- are the same before and behind it.
create or replace function api._is_one_slip(
    p_word text,
    p_other text
)
returns boolean
language sql
immutable
parallel safe
security invoker
begin atomic
    select w.longer - w.shorter <= 1
        and (
            s.before + s.behind >= w.longer - 1
            or w.longer = w.shorter
            and s.before + s.behind = w.longer - 2
            and substr(p_word, s.before + 1, 2) = reverse(substr(p_other, s.before + 1, 2))
        )
    from (
        select greatest(length(p_word), length(p_other)) as longer,
            least(length(p_word), length(p_other)) as shorter
    ) as w
    cross join lateral (
        select (count(*) filter (where left(p_word, n) = left(p_other, n)))::integer as before,
            count(*) filter (where right(p_word, n) = right(p_other, n)) as behind
        from generate_series(1, w.shorter) as n
    ) as s;
end;

comment on function api._is_one_slip(text, text) is
    'Whether one typing error makes another word of a word.

p_word: the word
p_other: the other one';
revoke execute on function api._is_one_slip(text, text) from public;
grant execute on function api._is_one_slip(text, text) to store_manager, regional_manager, head_office;

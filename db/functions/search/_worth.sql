-- api._worth(): what the words of a product are worth for a search: the sum over those asked for that
-- it has, of which there may be twelve. Not a tool. Written out, so that a statement which weighs
-- thousands of products calls no function for each; nested, so that it ends with the last word.
create or replace function api._worth(
    p_words tsvector,
    p_queries tsquery[],
    p_weights real[]
)
returns real
language sql
immutable
parallel safe
security invoker
begin atomic
    select coalesce(p_weights[1] * (p_words @@ p_queries[1])::integer, 0)
        + case when p_weights[2] is null then 0 else p_weights[2] * (p_words @@ p_queries[2])::integer
        + case when p_weights[3] is null then 0 else p_weights[3] * (p_words @@ p_queries[3])::integer
        + case when p_weights[4] is null then 0 else p_weights[4] * (p_words @@ p_queries[4])::integer
        + case when p_weights[5] is null then 0 else p_weights[5] * (p_words @@ p_queries[5])::integer
        + case when p_weights[6] is null then 0 else p_weights[6] * (p_words @@ p_queries[6])::integer
        + case when p_weights[7] is null then 0 else p_weights[7] * (p_words @@ p_queries[7])::integer
        + case when p_weights[8] is null then 0 else p_weights[8] * (p_words @@ p_queries[8])::integer
        + case when p_weights[9] is null then 0 else p_weights[9] * (p_words @@ p_queries[9])::integer
        + case when p_weights[10] is null then 0 else p_weights[10] * (p_words @@ p_queries[10])::integer
        + case when p_weights[11] is null then 0 else p_weights[11] * (p_words @@ p_queries[11])::integer
        + case when p_weights[12] is null then 0 else p_weights[12] * (p_words @@ p_queries[12])::integer end end end end end end end end end end end;
end;

comment on function api._worth(tsvector, tsquery[], real[]) is
    'Sum of the weights of those queries that words match; of the first twelve.

p_words: words of a product
p_queries: what is asked for
p_weights: what each is worth';
revoke execute on function api._worth(tsvector, tsquery[], real[]) from public;
grant execute on function api._worth(tsvector, tsquery[], real[])
    to store_manager, regional_manager, head_office;

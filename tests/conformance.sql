-- What the public test-suite of the protocol asks for by name, as functions of the database.
create function api.test_simple_text() returns text language sql stable
    return 'This is a simple text response for testing.';
create function api.test_error_handling() returns text language plpgsql stable as $f$
    begin raise exception 'This tool intentionally returns an error for testing'; end $f$;
create function api.test_tool_with_progress() returns text language plpgsql stable as $f$
    begin perform pg_sleep(3.5); return 'done'; end $f$;

-- A picture of one dot, and a recording of nothing.
create function api._dot() returns bytea language sql immutable
    return decode('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC', 'base64');
create function api._silence() returns bytea language sql immutable
    return decode('UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=', 'base64');
create function api.test_image_content() returns api.content language sql stable
begin atomic
    select null::text, api._dot(), 'image/png', null::text;
end;
create function api.test_audio_content() returns api.content language sql stable
begin atomic
    select null::text, api._silence(), 'audio/wav', null::text;
end;
create function api.test_embedded_resource() returns api.content language sql stable
begin atomic
    select 'This is an embedded resource content.', null::bytea, 'text/plain', 'test://embedded-resource';
end;
create function api.test_multiple_content_types() returns setof api.content language sql stable
begin atomic
    values
        ('Multiple content types test:', null::bytea, null, null),
        (null, api._dot(), 'image/png', null),
        ('{"test":"data","value":123}', null, 'application/json', 'test://mixed-content-resource');
end;

create function api.test_tool_with_logging() returns text language plpgsql stable as $f$
    begin
        raise info 'Tool execution started';
        perform pg_sleep(0.05);
        raise info 'Tool processing data';
        perform pg_sleep(0.05);
        raise info 'Tool execution completed';
        return 'done';
    end $f$;
create function api.test_logging_tool() returns text language plpgsql stable as $f$
    begin raise warning 'not for everybody'; return 'done'; end $f$;
create function api.test_streaming_elicitation() returns text language sql stable return 'done';

create function api.static_text() returns text language sql stable
    return 'This is the content of the static text resource.';
comment on function api.static_text() is 'A text.

resource: test://static-text';
create function api.static_binary() returns api.content language sql stable
begin atomic
    select null::text, api._dot(), 'image/png', null::text;
end;
comment on function api.static_binary() is 'A picture.

resource: test://static-binary image/png';
create function api.template_data(p_id text) returns json language sql stable
    return json_build_object('id', p_id, 'templateTest', true, 'data', 'Data for ID: ' || p_id);
comment on function api.template_data(text) is 'Data of an id.

resource: test://template/{id}/data application/json';

create function api.test_simple_prompt() returns text language sql stable
    return 'This is a simple prompt for testing.';
comment on function api.test_simple_prompt() is 'A prompt.

prompt: Simple';
create function api.test_prompt_with_arguments(p_arg1 text, p_arg2 text) returns text
    language sql stable
    return format('Prompt with arguments: arg1=''%s'', arg2=''%s''', p_arg1, p_arg2);
comment on function api.test_prompt_with_arguments(text, text) is 'A prompt.

prompt: With arguments';
create function api.test_prompt_with_embedded_resource("p_resourceUri" text)
    returns setof api.content language sql stable
begin atomic
    values
        ('Embedded resource content for testing.', null::bytea, 'text/plain', "p_resourceUri"),
        ('Please process the embedded resource above.', null, null, null);
end;
comment on function api.test_prompt_with_embedded_resource(text) is 'A prompt.

prompt: With a resource';
create function api.test_prompt_with_image() returns setof api.content language sql stable
begin atomic
    values
        (null, api._dot(), 'image/png', null),
        ('Please analyze the image above.', null::bytea, null, null);
end;
comment on function api.test_prompt_with_image() is 'A prompt.

prompt: With a picture';

create function api.json_schema_2020_12_tool(
    p_name text default null, p_address jsonb default null, "p_contactMethod" text default null,
    p_phone text default null, p_email text default null
) returns text language sql stable return 'ok';
comment on function api.json_schema_2020_12_tool(text, jsonb, text, text, text) is 'Rules.

schema: {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$defs": {"address": {"$anchor": "addressDef", "type": "object", "properties": {
        "street": {"type": "string"}, "city": {"type": "string"}}}},
    "properties": {"address": {"$ref": "#/$defs/address"},
        "contactMethod": {"enum": ["phone", "email"]}},
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": false
}';
create function api.routed(p_region text) returns text language sql stable return p_region;
comment on function api.routed(text) is 'Goes to a region.

schema: {"properties": {"region": {"x-mcp-header": "Region"}}}';

comment on function api.test_simple_text() is 'A fixture.';
comment on function api.test_error_handling() is 'A fixture.';
comment on function api.test_tool_with_progress() is 'A fixture.';
comment on function api.test_image_content() is 'A fixture.';
comment on function api.test_audio_content() is 'A fixture.';
comment on function api.test_embedded_resource() is 'A fixture.';
comment on function api.test_multiple_content_types() is 'A fixture.';
comment on function api.test_tool_with_logging() is 'A fixture.';
comment on function api.test_logging_tool() is 'A fixture.';
comment on function api.test_streaming_elicitation() is 'A fixture.';

grant execute on all functions in schema api to store_manager;

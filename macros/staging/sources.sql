{#
    Which canonical streams each source has, beside events, which has all: for each of them a view
    stg_<source>__<stream>. Those with traces may have `spans` too, which tell what stands in what.
#}
{% macro source_streams() %}
    {%- set streams = {
        'amplitude': [
            'queries', 'responses', 'feedback', 'product_events', 'exposures', 'identities',
            'user_traits',
        ],
        'ga4': [
            'queries', 'responses', 'feedback', 'product_events', 'exposures', 'identities',
            'user_traits',
        ],
        'langfuse': ['queries', 'responses', 'feedback', 'evaluations', 'spans'],
        'litellm': ['responses'],
        'mixpanel': [
            'queries', 'responses', 'feedback', 'product_events', 'exposures', 'identities',
            'user_traits',
        ],
        'otlp': ['responses', 'feedback', 'evaluations', 'spans'],
        'posthog': [
            'queries', 'responses', 'feedback', 'product_events', 'exposures', 'evaluations',
            'identities', 'user_traits', 'spans',
        ],
        'request_logs': ['responses'],
    } -%}
    {%- if llm_analytics.mapped_tables() -%}
        {%- do streams.update({'tables': llm_analytics.mapped_tables().keys() | list}) -%}
    {%- endif -%}
    {{ return(streams) }}
{% endmacro %}

{# Is a source switched on, with its views? All are, unless the var llm_analytics_sources lists some. #}
{% macro is_source_enabled(source) %}
    {%- set enabled = var('llm_analytics_sources', none) -%}
    {{ return(enabled is none or source == 'events' or source in enabled) }}
{% endmacro %}

{# The staging views of a stream, one per source that is switched on and was loaded. #}
{% macro staged(stream) %}
    {%- set relations = [] if stream == 'spans' else [ref('stg_events__' ~ stream)] -%}
    {%- for source, streams in llm_analytics.source_streams().items()
        if stream in streams and llm_analytics.is_source_enabled(source) -%}
        {%- set relation = ref('stg_' ~ source ~ '__' ~ stream) -%}
        {%- if relation.is_cte
            or llm_analytics.landed_tables('stg_' ~ source ~ '__' ~ stream) -%}
            {%- do relations.append(relation) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(relations) }}
{% endmacro %}

{#
    The raw tables that a model reads, itself or through others, as far as they exist: pairs of the
    view that reads one and its name. A source that was never loaded has none, and costs nothing.
#}
{% macro landed_tables(model_name) %}
    {%- set found = [] -%}
    {%- if execute -%}
        {%- set node = graph.nodes['model.llm_analytics.' ~ model_name] -%}
        {%- for parent in node.depends_on.nodes -%}
            {%- if parent in graph.sources -%}
                {%- set table = graph.sources[parent] -%}
                {%- if adapter.get_relation(
                    table.database or target.database, table.schema, table.identifier
                ) is not none -%}
                    {%- do found.append([model_name, table.identifier]) -%}
                {%- endif -%}
            {%- elif parent in graph.nodes and graph.nodes[parent].resource_type == 'model' -%}
                {%- do found.extend(llm_analytics.landed_tables(graph.nodes[parent].name)) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found) }}
{% endmacro %}

{# The records of a stream from every source that was loaded. #}
{% macro union_of_sources(stream) %}
    {%- set columns = (llm_analytics.stream_columns(stream) + ['load_seq']) | join(',\n    ') -%}
    {%- if stream in llm_analytics.mapped_tables() -%}
        {%- do [ref('int_table_loads'), ref('int_load_horizon')] -%}
    {%- endif -%}
    {%- for relation in llm_analytics.staged(stream) -%}
{% if relation.identifier == 'stg_tables__' ~ stream -%}
{{ llm_analytics.numbered_rows(stream) }}
{%- else -%}
select
    {{ columns }}
from {{ relation }}
{%- endif -%}
{%- if not loop.last %}
union all
{% endif -%}
    {%- endfor -%}
{% endmacro %}

{#
    Stop where a source was loaded whose views the warehouse does not read yet: what is marked as
    read now would never be. A build of everything makes the views first.
#}
{% macro refuse_unread_sources(streams) %}
    {%- set is_run = execute and model.resource_type == 'model' and flags.WHICH in ('run', 'build')
        -%}
    {%- set expected = [] -%}
    {%- if is_run -%}
        {%- for source, of_source in llm_analytics.source_streams().items()
            if llm_analytics.is_source_enabled(source) -%}
            {%- for stream in streams if stream in of_source -%}
                {%- set view = 'stg_' ~ source ~ '__' ~ stream -%}
                {%- set tables = llm_analytics.landed_tables(view) -%}
                {%- if tables -%}
                    {%- do expected.extend(tables + [['int_' ~ stream ~ '__unioned', view]]) -%}
                {%- endif -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
    {{- llm_analytics.refuse_views_without(expected) -}}
{% endmacro %}

{# Stop where the calls that a model is about to read are those of events alone, as they once were. #}
{% macro refuse_undecided_calls() %}
    {%- set is_run = execute and model.resource_type == 'model' and flags.WHICH in ('run', 'build')
        -%}
    {%- if is_run and llm_analytics.has_other_calls() -%}
        {{- llm_analytics.refuse_views_without([['int_responses', 'int_chained_conversations']]) -}}
    {%- endif -%}
{% endmacro %}

{# Stop where a view, as the warehouse has it, does not read what it should: pairs of both names. #}
{% macro refuse_views_without(expected) %}
    {%- if expected -%}
        {%- set definitions = llm_analytics.view_definitions(expected | map('first') | list) -%}
        {%- for view, part in expected if part not in (definitions.get(view) or '') -%}
            {{ exceptions.raise_compiler_error(
                this.name ~ ' would mark loads as read that ' ~ view ~ ' does not show yet (' ~ part
                ~ '). Run: dbt build'
            ) }}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}

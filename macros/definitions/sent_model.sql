{#
    The name of the model as a call gives it: what answered, else what was asked for, else the
    product's own name.
#}
{% macro sent_model(call) -%}
    coalesce({{ call }}.response_model, {{ call }}.request_model, {{ call }}.model_version)
{%- endmacro %}

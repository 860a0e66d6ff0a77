{#
    Are two texts similar, by the MinHash signatures of their word sets? NULL without a signature.
    Each signature has 32 positions of 4 bits, so unequal words agree by chance in 1 of 16
    positions: Jaccard = (m / 32 - 1 / 16) / (15 / 16) for m equal positions (Li and König, b-bit
    minwise hashing, 2010).
#}
{% macro is_similar_text(a_1, a_2, b_1, b_2) %}
    {{ return(adapter.dispatch('is_similar_text', 'llm_analytics')(a_1, a_2, b_1, b_2)) }}
{% endmacro %}

{% macro default__is_similar_text(a_1, a_2, b_1, b_2) %}
    {%- set needed = 32 * (llm_analytics.setting('similarity_threshold') * 15 / 16 + 1 / 16) -%}
    (
        {{ llm_analytics.equal_nibbles(a_1, b_1) }} + {{ llm_analytics.equal_nibbles(a_2, b_2) }}
        >= {{ needed | round(0, 'ceil') | int }}
    )
{% endmacro %}

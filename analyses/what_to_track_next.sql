-- A pitfall: tracking everything without an aim. What the loaded events support already, by domain,
-- and the field or stream that would make the most further metrics computable.
select
    domain,
    missing,
    count(*) as n_metrics,
    {{ llm_analytics.count_if('is_computable') }} as n_computable
from {{ ref('metric_computability') }}
group by domain, missing
order by n_computable asc, n_metrics desc

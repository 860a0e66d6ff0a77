-- Where do people leave? The turns after which most sessions without a goal end.
select
    turn_number,
    n_reached,
    n_abandoned,
    abandonment_rate
from {{ ref('abandonment_by_turn') }}
order by n_abandoned desc
limit 10

-- Where do people leave, and in what state? The turns after which most conversations without a goal end.
select
    turn_number,
    n_reached,
    n_abandoned,
    abandonment_rate
from {{ ref('abandonment_by_turn') }}
order by n_abandoned desc
limit 10

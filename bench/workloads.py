"""The workloads, their populations, and the least ratio to R that is good enough."""

from bench.measure import Population, Workload

POPULATIONS = {
    "city": Population(10_000, 500),
    "small": Population(1_000, 5),
    "large": Population(100_000, 500),
    "watched": Population(1_000, 50, subscriptions=10),
}
WORKLOADS = (
    Workload("create", "create one entity (1.1 KB)", 0.12),
    Workload("get", "retrieve one entity", 0.5),
    Workload("query", "query by type, 20 entities (22 KB)", 0.25),
    Workload("patch", "update one attribute", 0.20),
    Workload("patchattrs", "update three attributes, five instances", 0.15),
    Workload("batch", "batch upsert of 20 new entities, per entity", 0.3, connections=8, units=20),
    Workload("queryq", "query by type and two terms of q, 1,000 entities", 0.1, "small", connections=10,
             probe="/ngsi-ld/v1/entities?type=T1&q=ammonium%3E50;dissolvedOxygen%3E1;waterTemperature%3E1"),
    Workload("q100k", "query by q alone in 100,000 entities", 0.1, "large", connections=10,
             probe="/ngsi-ld/v1/entities?q=dissolvedOxygen%3E99.9&limit=20"),
    Workload("notify", "notifications of one update to 10 subscriptions, each", 0.15,
             "watched", connections=8, units=10, notifies=True),
)  # fmt: skip
REFERENCE = Workload("reference", "R", 1.0)

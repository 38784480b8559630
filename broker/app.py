"""The table of operations: what is served where, by which function, with which parameters. (6.2)"""

from broker.language import aggregation, timerel
from broker.operations import (
    attributes,
    batch,
    contexts,
    discovery,
    distributed_maps,
    entities,
    entity_maps,
    identity,
    past,
    purging,
    registration_subscriptions,
    registrations,
    snapshots,
    subscriptions,
    temporal,
    temporal_asked,
    temporal_changes,
    temporal_maps,
    values,
)
from broker.operations.call import GEO_JSON, JSON, LD_JSON, RDF, TEXT, Operation
from broker.operations.linked_data import also_rdf

LOCAL = frozenset({"local"})
SHAPE = frozenset({"pick", "omit", "attrs", "lang", "datasetId", "geometryProperty", "format", "options"})
GEO = frozenset({"georel", "geometry", "coordinates", "geoproperty"})
PAGE = frozenset({"limit", "offset", "count"})
SELECT = frozenset({"id", "idPattern", "type", "q", "scopeQ", "csf", "expandValues", "jsonKeys"}) | GEO
ORDER = frozenset({"orderBy", "orderFrom", "orderGeometry", "collation"})
JOIN = frozenset({"join", "joinLevel", "containedBy"})
MAP = frozenset({"entityMap", "entityMapLifetime"})
QUERY = SELECT | SHAPE | JOIN | PAGE | ORDER | MAP | LOCAL | {"splitEntities"}
TYPE = frozenset({"type", "local"})
FORMAT_OPTIONS = frozenset({"normalized", "concise", "simplified", "keyValues", "sysAttrs"})
EVOLUTION = (
    frozenset({"pick", "omit", "attrs", "lang", "datasetId", "format", "options"})
    | timerel.PARAMETERS
    | aggregation.PARAMETERS
)
TEMPORAL_OPTIONS = temporal_asked.OPTIONS
READ = (JSON, LD_JSON, GEO_JSON)
LINKED = (*READ, *RDF)
TEMPORAL = (JSON, LD_JSON, *RDF)
EXTENSION = "NGSI-LD 2.0"

TIME = frozenset({"timerel", "timeAt", "endTimeAt", "timeproperty"})
SOURCES = (
    frozenset(
        {"id", "idPattern", "type", "attrs", "pick", "omit", "q", "csf", "scopeQ", "geometryProperty", "lang"}
    )
    | GEO
    | TIME
)
SYS_ATTRS = frozenset({"sysAttrs"})

# fmt: off
OPERATIONS: tuple[Operation, ...] = (
    Operation("POST",   "/entities", entities.create_entity, "6.4.3.1", LOCAL, body=True, creates_tenant=True),
    Operation("GET",    "/entities", also_rdf(entities.query_entities), "6.4.3.2", QUERY | past.PARAMETERS, FORMAT_OPTIONS, accept=LINKED),
    Operation("DELETE", "/entities", purging.purge_entities, "6.4.3.3", SELECT | LOCAL | {"attrs", "keep", "drop", "geometryProperty"}),
    Operation("GET",    "/entities/{entityId}", also_rdf(entities.retrieve_entity), "6.5.3.1", SHAPE | JOIN | MAP | TYPE | past.PARAMETERS, FORMAT_OPTIONS, accept=LINKED),
    Operation("PUT",    "/entities/{entityId}", entities.replace_entity, "6.5.3.3", TYPE, body=True),
    Operation("PATCH",  "/entities/{entityId}", entities.merge_entity, "6.5.3.4", TYPE | {"format", "lang", "observedAt", "options"},
              frozenset({"simplified", "keyValues", "normalized", "concise"}), body=True, merge_patch=True),
    Operation("DELETE", "/entities/{entityId}", entities.delete_entity, "6.5.3.2", TYPE),
    Operation("POST",   "/entities/{entityId}/attrs", attributes.append_attributes, "6.6.3.1", TYPE | {"options"},
              frozenset({"noOverwrite"}), body=True),
    Operation("PATCH",  "/entities/{entityId}/attrs", attributes.update_attributes, "6.6.3.2", TYPE, body=True, merge_patch=True),
    Operation("PATCH",  "/entities/{entityId}/attrs/{attrId}", attributes.partial_update_attribute, "6.7.3.1", TYPE, body=True, merge_patch=True),
    Operation("PUT",    "/entities/{entityId}/attrs/{attrId}", attributes.replace_attribute, "6.7.3.3", TYPE, body=True),
    Operation("DELETE", "/entities/{entityId}/attrs/{attrId}", attributes.delete_attribute, "6.7.3.2", TYPE | {"datasetId", "deleteAll"}),
    Operation("GET",    "/entities/{entityId}/attrs/{attrId}", values.retrieve_attribute, EXTENSION, TYPE | {"format", "options", "datasetId", "lang"},
              FORMAT_OPTIONS),
    Operation("GET",    "/entities/{entityId}/attrs/{attrId}/value", values.retrieve_value, EXTENSION, TYPE | {"datasetId", "lang"}, accept=(JSON, TEXT)),
    Operation("PUT",    "/entities/{entityId}/attrs/{attrId}/value", values.set_value, EXTENSION, TYPE | {"datasetId", "observedAt"}, body=True, bare=True),
    Operation("POST",   "/entityOperations/create", batch.create_batch, "6.14.3.1", LOCAL, body=True, creates_tenant=True),
    Operation("POST",   "/entityOperations/upsert", batch.upsert_batch, "6.15.3.1", LOCAL | {"options"}, frozenset({"replace", "update"}),
              body=True, creates_tenant=True),
    Operation("POST",   "/entityOperations/update", batch.update_batch, "6.16.3.1", LOCAL | {"options"}, frozenset({"noOverwrite"}), body=True),
    Operation("POST",   "/entityOperations/delete", batch.delete_batch, "6.17.3.1", LOCAL, body=True),
    Operation("POST",   "/entityOperations/merge", batch.merge_batch, "6.31.3.1", LOCAL, body=True),
    Operation("POST",   "/entityOperations/query", also_rdf(batch.query_batch), "6.23.3.1", PAGE | LOCAL | {"format", "options", "geometryProperty"},
              FORMAT_OPTIONS, body=True, accept=LINKED),
    Operation("GET",    "/entityMaps", distributed_maps.create_entity_map, "6.34.3.1", QUERY, FORMAT_OPTIONS, changes=True),
    Operation("POST",   "/entityMaps", distributed_maps.create_entity_map, "6.34.3.2", PAGE | LOCAL | {"format", "options"}, FORMAT_OPTIONS, body=True),
    Operation("GET",    "/temporal/entityMaps", temporal_maps.create_temporal_entity_map, "6.35.3.1",
              SELECT | EVOLUTION | PAGE | ORDER | MAP | LOCAL | {"csf", "splitEntities"}, TEMPORAL_OPTIONS, changes=True),
    Operation("POST",   "/temporal/entityMaps", temporal_maps.create_temporal_entity_map, "6.35.3.2", PAGE | LOCAL | {"format", "options"},
              TEMPORAL_OPTIONS, body=True),
    Operation("GET",    "/entityMaps/{entityMapId}", entity_maps.retrieve_entity_map, "6.32.3.1"),
    Operation("PATCH",  "/entityMaps/{entityMapId}", entity_maps.update_entity_map, "6.32.3.2", body=True, merge_patch=True),
    Operation("DELETE", "/entityMaps/{entityMapId}", entity_maps.delete_entity_map, "6.32.3.3"),
    Operation("GET",    "/info/sourceIdentity", identity.retrieve_identity, "6.33.3.1", tenantless=True, changes=True),
    Operation("POST",   "/snapshots", snapshots.create_snapshot, "6.36.3.1", body=True),
    Operation("DELETE", "/snapshots", snapshots.purge_snapshots, "6.36.3.2", frozenset({"q"})),
    Operation("GET",    "/snapshots/{snapshotId}", snapshots.retrieve_snapshot, "6.37.3.1"),
    Operation("PATCH",  "/snapshots/{snapshotId}", snapshots.update_snapshot, "6.37.3.2", body=True, merge_patch=True),
    Operation("DELETE", "/snapshots/{snapshotId}", snapshots.delete_snapshot, "6.37.3.3"),
    Operation("POST",   "/snapshots/{snapshotId}/clone", snapshots.clone_snapshot, "6.38.3.1", body=True),
    Operation("GET",    "/types", discovery.list_types, "6.25.3.1", LOCAL | {"details"}),
    Operation("GET",    "/types/{type}", discovery.retrieve_type, "6.26.3.1", LOCAL),
    Operation("GET",    "/attributes", discovery.list_attributes, "6.27.3.1", LOCAL | {"details"}),
    Operation("GET",    "/attributes/{attrId}", discovery.retrieve_attribute, "6.28.3.1", LOCAL),
    Operation("POST",   "/temporal/entities", temporal_changes.upsert_evolution, "6.18.3.1", LOCAL, body=True, creates_tenant=True),
    Operation("GET",    "/temporal/entities", also_rdf(temporal.query_evolutions), "6.18.3.2", SELECT | EVOLUTION | PAGE | ORDER | MAP | LOCAL | {"csf", "splitEntities"},
              TEMPORAL_OPTIONS, accept=TEMPORAL),
    Operation("GET",    "/temporal/entities/{entityId}", also_rdf(temporal.retrieve_evolution), "6.19.3.1", EVOLUTION | LOCAL | MAP, TEMPORAL_OPTIONS, accept=TEMPORAL),
    Operation("DELETE", "/temporal/entities/{entityId}", temporal_changes.delete_evolution, "6.19.3.2", LOCAL),
    Operation("POST",   "/temporal/entities/{entityId}/attrs", temporal_changes.add_attributes, "6.20.3.1", LOCAL, body=True),
    Operation("DELETE", "/temporal/entities/{entityId}/attrs/{attrId}", temporal_changes.delete_attribute, "6.21.3.1", LOCAL | {"datasetId", "deleteAll"}),
    Operation("PATCH",  "/temporal/entities/{entityId}/attrs/{attrId}/{instanceId}", temporal_changes.modify_instance, "6.22.3.1", LOCAL, body=True,
              merge_patch=True),
    Operation("DELETE", "/temporal/entities/{entityId}/attrs/{attrId}/{instanceId}", temporal_changes.delete_instance, "6.22.3.2", LOCAL),
    Operation("POST",   "/temporal/entityOperations/query", also_rdf(temporal.query_evolutions_by_body), "6.24.3.1", PAGE | LOCAL | {"format", "options"},
              TEMPORAL_OPTIONS, body=True, accept=TEMPORAL),
    Operation("POST",   "/subscriptions", subscriptions.create_subscription, "6.10.3.1", LOCAL, body=True, creates_tenant=True),
    Operation("GET",    "/subscriptions", subscriptions.query_subscriptions, "6.10.3.2", PAGE | {"options"}, frozenset({"sysAttrs"})),
    Operation("GET",    "/subscriptions/{subscriptionId}", subscriptions.retrieve_subscription, "6.11.3.1", frozenset({"options"}), frozenset({"sysAttrs"})),
    Operation("PATCH",  "/subscriptions/{subscriptionId}", subscriptions.update_subscription, "6.11.3.2", LOCAL, body=True, merge_patch=True),
    Operation("DELETE", "/subscriptions/{subscriptionId}", subscriptions.delete_subscription, "6.11.3.3", LOCAL),
    Operation("POST",   "/csourceRegistrations", registrations.register_source, "6.8.3.1", body=True, creates_tenant=True),
    Operation("GET",    "/csourceRegistrations", registrations.query_registrations, "6.8.3.2", SOURCES | PAGE | {"options"}, SYS_ATTRS),
    Operation("GET",    "/csourceRegistrations/{registrationId}", registrations.retrieve_registration, "6.9.3.1", frozenset({"options"}), SYS_ATTRS),
    Operation("PATCH",  "/csourceRegistrations/{registrationId}", registrations.update_registration, "6.9.3.2", body=True, merge_patch=True),
    Operation("DELETE", "/csourceRegistrations/{registrationId}", registrations.delete_registration, "6.9.3.3"),
    Operation("POST",   "/csourceSubscriptions", registration_subscriptions.create_registration_subscription, "6.12.3.1", body=True, creates_tenant=True),
    Operation("GET",    "/csourceSubscriptions", registration_subscriptions.query_registration_subscriptions, "6.12.3.2", PAGE | {"options"}, SYS_ATTRS),
    Operation("GET",    "/csourceSubscriptions/{subscriptionId}", registration_subscriptions.retrieve_registration_subscription, "6.13.3.1", frozenset({"options"}), SYS_ATTRS),
    Operation("PATCH",  "/csourceSubscriptions/{subscriptionId}", registration_subscriptions.update_registration_subscription, "6.13.3.2", body=True, merge_patch=True),
    Operation("DELETE", "/csourceSubscriptions/{subscriptionId}", registration_subscriptions.delete_registration_subscription, "6.13.3.3"),
    Operation("POST",   "/jsonldContexts", contexts.add_context, "6.29.3.1", body=True, tenantless=True),
    Operation("GET",    "/jsonldContexts", contexts.list_contexts, "6.29.3.2", PAGE | {"details", "kind"}, tenantless=True),
    Operation("GET",    "/jsonldContexts/{contextId}", contexts.serve_context, "6.30.3.1", frozenset({"details", "core"}), tenantless=True),
    Operation("DELETE", "/jsonldContexts/{contextId}", contexts.delete_context, "6.30.3.2", frozenset({"reload"}), tenantless=True),
)
# fmt: on

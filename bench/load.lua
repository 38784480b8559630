-- The requests of each workload for wrk: wrk … -s load.lua URL -- NAME ENTITIES TYPES RUN   (docs/performance.md)
-- A table of the wrk run is printed as one line of JSON after "RESULT ".

local json = { ["Content-Type"] = "application/json" }
local entities, types, run, counter = 10000, 500, "r", 0
local kinds = { "ammonium", "waterTemperature", "dissolvedOxygen" }
local texts = {
  "name==%22Name%20of%20my%20entity%22",
  "description==%22A%20short%20description%20of%20my%20entity%22",
  "stationCode==%22BSS002JAWM%22",
}

local function number() return string.format("%.4f", math.random() * 100) end

local function moment() return string.format("2026-11-20T10:%02d:%02dZ", math.random(0, 59), math.random(0, 59)) end

local function two(value, at, unit)
  local form = '{"type":"Property","value":%s,"observedAt":"%s","unitCode":"%s","datasetId":"urn:ngsi-ld:Dataset:%s"}'
  return "[" .. form:format(value(), at, unit, "Bottom") .. "," .. form:format(value(), at, unit, "Surface") .. "]"
end

local function measured(value, at)
  return '"ammonium":' .. two(value, at, "M1")
    .. ',"dissolvedOxygen":{"type":"Property","sandreCode":{"type":"Property","value":"1311"},"value":' .. value()
    .. ',"observedAt":"' .. at .. '","unitCode":"M1"},"waterTemperature":' .. two(value, at, "CEL")
end

local rest = ',"servesDataset":{"type":"Relationship","object":"urn:ngsi-ld:Dataset:SurfaceWaterMonitoring"},'
  .. '"location":{"type":"GeoProperty","value":{"type":"Point","coordinates":[3.53452158,43.48562782]}}}'
local fixed = measured(function() return "10.9" end, "2023-04-01T12:00:00Z")

local function entity(id)
  return '{"id":"' .. id .. '","type":"Entity","name":{"type":"Property","value":"Name of my entity"},'
    .. '"description":{"type":"Property","value":"A short description of my entity"},'
    .. '"stationCode":{"type":"Property","value":"BSS002JAWM"},' .. fixed .. rest
end

local function some_entity() return "/ngsi-ld/v1/entities/urn:ngsi-ld:Entity:p" .. math.random(0, entities - 1) end

local function some_type() return "type=T" .. math.random(0, types - 1) end

local workloads = {}

function workloads.reference() return wrk.format("GET", "/r/urn:ngsi-ld:Entity:p17") end

function workloads.get() return wrk.format("GET", some_entity()) end

function workloads.query() return wrk.format("GET", "/ngsi-ld/v1/entities?" .. some_type() .. "&limit=20") end

function workloads.queryq()
  local first = kinds[math.random(3)] .. "%3E" .. math.random(0, 100)
  return wrk.format("GET", "/ngsi-ld/v1/entities?" .. some_type() .. "&q=" .. first .. ";" .. texts[math.random(3)])
end

function workloads.q100k()
  local least = string.format("99.%02d", math.random(50, 99))
  return wrk.format("GET", "/ngsi-ld/v1/entities?q=dissolvedOxygen%3E" .. least .. "&limit=20")
end

function workloads.create()
  counter = counter + 1
  return wrk.format("POST", "/ngsi-ld/v1/entities", json, entity("urn:ngsi-ld:Entity:" .. run .. "-" .. counter))
end

function workloads.notify() return workloads.patch() end

function workloads.patch()
  local body = '{"type":"Property","value":' .. number() .. ',"observedAt":"' .. moment() .. '"}'
  return wrk.format("PATCH", some_entity() .. "/attrs/dissolvedOxygen", json, body)
end

function workloads.patchattrs()
  return wrk.format("PATCH", some_entity() .. "/attrs", json, "{" .. measured(number, moment()) .. "}")
end

function workloads.batch()
  local bodies = {}
  for i = 1, 20 do
    counter = counter % 50000 + 1
    bodies[i] = entity("urn:ngsi-ld:Entity:" .. run .. "-" .. counter)
  end
  return wrk.format("POST", "/ngsi-ld/v1/entityOperations/upsert", json, "[" .. table.concat(bodies, ",") .. "]")
end

function init(args)
  request = assert(workloads[args[1]], "no such workload")
  entities, types, run = tonumber(args[2]), tonumber(args[3]), args[4]
  math.randomseed(tonumber(args[5]))
end

function done(summary, latency)
  local e = summary.errors
  print(string.format('RESULT {"requests":%d,"seconds":%f,"errors":%d,"p50":%f,"p99":%f}',
    summary.requests, summary.duration / 1e6, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end

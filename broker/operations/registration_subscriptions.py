"""The resources /csourceSubscriptions and /csourceSubscriptions/{subscriptionId}. (5.11, 6.12, 6.13)"""

from broker.notify.subscription import REGISTRATIONS
from broker.operations import subscriptions
from broker.operations.call import Answer, Broker, Call


async def create_registration_subscription(call: Call, broker: Broker) -> Answer:
    """Subscribe to registrations. (5.11.2, 6.12.3.1)"""
    return await subscriptions.create(call, broker, REGISTRATIONS)


async def query_registration_subscriptions(call: Call, broker: Broker) -> Answer:
    """List subscriptions to registrations in the order of their creation. (5.11.5, 6.12.3.2)"""
    return await subscriptions.query(call, broker, REGISTRATIONS)


async def retrieve_registration_subscription(call: Call, broker: Broker) -> Answer:
    """Retrieve a subscription to registrations. (5.11.4, 6.13.3.1)"""
    return await subscriptions.retrieve(call, broker, REGISTRATIONS)


async def update_registration_subscription(call: Call, broker: Broker) -> Answer:
    """Update a subscription to registrations. (5.11.3, 6.13.3.2)"""
    return await subscriptions.update(call, broker, REGISTRATIONS)


async def delete_registration_subscription(call: Call, broker: Broker) -> Answer:
    """Delete a subscription to registrations. (5.11.6, 6.13.3.3)"""
    return await subscriptions.delete(call, broker, REGISTRATIONS)

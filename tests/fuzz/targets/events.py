"""Random attributes of an event, among them such that filters ask for."""

from atheris import FuzzedDataProvider

NAMES = ["id", "source", "type", "subject", "amount", "tenant"]
VALUES = ["a", "b", "ab", "", "7", "-7", "2147483648", "true", "%", "a\nb"]


def event(provider: FuzzedDataProvider) -> dict[str, str]:
    """Up to six attributes."""
    return {
        provider.PickValueInList(NAMES): provider.PickValueInList(VALUES)
        if provider.ConsumeBool()
        else provider.ConsumeUnicodeNoSurrogates(6)
        for _ in range(provider.ConsumeIntInRange(0, 6))
    }

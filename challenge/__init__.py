"""The machines: step(state, event) -> Step(state, actions); pure."""

"""The model of accuracy: features, a Gaussian process, beliefs, recommended networks."""

from unitsearch.search.model.belief import Belief, believe
from unitsearch.search.model.evidence import Evidence
from unitsearch.search.model.recommendation import Recommendation, recommend

__all__ = ["Belief", "Evidence", "Recommendation", "believe", "recommend"]

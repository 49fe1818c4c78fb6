// Charge

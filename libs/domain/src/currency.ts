/**
 * How many decimals a currency has, by ISO 4217. Money is integer minor units (money.ts), so whoever reads or prints a
 * decimal amount asks here. Providers deviate in places (Stripe has no cents of MGA and two decimals of ISK in its API):
 * their connectors convert, nobody else does.
 */
const withoutDecimals = 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF';
const withThreeDecimals = 'BHD IQD JOD KWD LYD OMR TND';
const withFourDecimals = 'CLF UYW';
const withTwoDecimals =
  'AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF ' +
  'CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HRK ' +
  'HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR ' +
  'MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP ' +
  'SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ' +
  'ZAR ZMW ZWG ZWL';
/** Currencies that have gone and still stand in old statements. */
const historic = 'DEM FRF NLG BEF ATS FIM IEP GRD EEK LTL LVL SKK SIT MRO STD BYR ZMK VEF CYP MTL';
const historicWithoutDecimals = 'ITL ESP PTE LUF TRL';

const exponents: ReadonlyMap<string, number> = new Map(
  (
    [
      [0, withoutDecimals],
      [0, historicWithoutDecimals],
      [2, withTwoDecimals],
      [2, historic],
      [3, withThreeDecimals],
      [4, withFourDecimals],
    ] as const
  ).flatMap(([exponent, codes]) => codes.split(' ').map((code) => [code, exponent] as const)),
);

/** @returns decimals of the currency (three capitals), 0 to 4; undefined: ISO 4217 has no such currency. */
export const exponentOf = (currency: string): number | undefined => exponents.get(currency);
